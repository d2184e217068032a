/** Somebody who is told of things: a server that keeps what it gets, and answers as it is told to. */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "./until";

export interface Delivery {
  headers: IncomingHttpHeaders;
  body: string;
}

export class Receiver {
  readonly got: Delivery[] = [];
  status = 200;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.on("end", () => {
        this.got.push({ headers: request.headers, body });
        response.writeHead(this.status).end();
      });
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((done) => receiver.#server.listen(0, "127.0.0.1", done));
    return receiver;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** Waits for so many, with that in them. */
  async gets(text: string, count = 1): Promise<Delivery[]> {
    return until(`${count} of ${text}`, () => {
      const found = this.got.filter(({ body }) => body.includes(text));
      return found.length >= count && found;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
