/** The visitor door over HTTP, for one conversation: what its socket does not do. */
import type { Rating } from "../../shared/protocol";
import { call, parsed, refused, Unreached } from "./door";

const UPLOADED_WITHIN_MS = 900_000;

export class Door {
  constructor(
    private readonly token: string,
    private readonly language: () => string,
  ) {}

  private call(method: string, path: string, body?: unknown): Promise<Response> {
    const headers = { Authorization: `Bearer ${this.token}` };
    return call(method, `conversation${path}`, this.language(), headers, body);
  }

  async close(): Promise<void> {
    await this.call("POST", "/close", {});
  }

  async rate(rating: Rating, text: string, key: string): Promise<void> {
    await this.call("POST", "/rating", { rating, client_key: key, ...(text && { text }) });
  }

  async transcript(): Promise<Blob> {
    return (await this.call("GET", "/transcript/txt")).blob();
  }

  async file(id: string): Promise<Blob> {
    return (await this.call("GET", `/files/${id}`)).blob();
  }

  /** `fetch` does not tell how far it has come. */
  upload(file: File, progress: (share: number) => void, signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `/visitor/conversation/files?name=${encodeURIComponent(file.name)}`);
      request.setRequestHeader("Authorization", `Bearer ${this.token}`);
      request.setRequestHeader("Accept-Language", this.language());
      request.setRequestHeader("Content-Type", file.type || "application/octet-stream");
      request.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
      request.onload = () => {
        const fileId = request.status === 200 && parsed<{ file_id: string }>(request.responseText)?.file_id;
        if (fileId) {
          resolve(fileId);
        } else {
          const retryAfter = request.getResponseHeader("Retry-After");
          reject(refused(request.status, request.responseText, retryAfter));
        }
      };
      request.timeout = UPLOADED_WITHIN_MS;
      request.onerror = request.onabort = request.ontimeout = () => reject(new Unreached());
      signal.addEventListener("abort", () => request.abort());
      request.send(file);
    });
  }
}
