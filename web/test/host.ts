/** Pages of others: shops that have the widget, on origins of their own, with the strictest policy they can have. */
import { readFileSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface HostPage {
  /** The address of the loader; without it the page has none. */
  loader?: string;
  /** Runs before the loader, from a file of the shop's. */
  script?: string;
  body?: string;
  /** In place of the strict one. */
  policy?: string;
  /** In place of all that: the shop of the demo, which has something to look at. */
  isSample?: boolean;
}

const SAMPLE = new URL("../demo/", import.meta.url);

/** What every shop has by the vendor's instructions. */
export const STUB = "window._tc=window._tc||function(){(_tc.q=_tc.q||[]).push(arguments)};";

export class Shop {
  readonly #pages = new Map<string, { type: string; text: string; policy: string }>();

  private constructor(private readonly server: HttpServer) {}

  static async start(): Promise<Shop> {
    const server = createServer();
    const shop = new Shop(server);
    server.on("request", (request, response) => {
      const path = new URL(request.url ?? "/", "http://shop").pathname;
      const page = shop.#pages.get(path);
      response.writeHead(page ? 200 : 404, {
        "Content-Type": page?.type ?? "text/plain",
        ...(page?.policy && { "Content-Security-Policy": page.policy }),
      });
      response.end(page?.text ?? "");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return shop;
  }

  /** Another site than the server's, not only another origin: by its name, which stands for this machine. */
  get origin(): string {
    return `http://shop.localhost:${(this.server.address() as AddressInfo).port}`;
  }

  /** Puts a page there, and gives its address. */
  page(path: string, { loader, script, body = "", policy, isSample }: HostPage): string {
    if (isSample) return this.#sample(path, loader ?? "");
    const from = loader ? new URL(loader).origin : "";
    const strict = `default-src 'none'; script-src 'self' ${from}; frame-src ${from || "'none'"}; style-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'`;
    this.#put(`${path}.js`, "text/javascript", script ?? "", "");
    const text = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A shop</title>
${script ? `<script src="${path}.js"></script>` : ""}
${loader ? `<script async src="${loader}"></script>` : ""}
</head>
<body><main><h1>Shoes</h1><p>Brown ones.</p>${body}</main></body>
</html>`;
    this.#put(path, "text/html; charset=utf-8", text, policy ?? strict);
    return this.origin + path;
  }

  #sample(path: string, loader: string): string {
    const read = (name: string) => readFileSync(new URL(name, SAMPLE), "utf8");
    this.#put("/demo/shop.css", "text/css", read("shop.css"), "");
    this.#put("/demo/shop.js", "text/javascript", read("shop.js"), "");
    const text = read("shop.html").replace("/widget.js?queue=3", () => loader.replaceAll("&", "&amp;"));
    this.#put(path, "text/html; charset=utf-8", text, "");
    return this.origin + path;
  }

  #put(path: string, type: string, text: string, policy: string): void {
    this.#pages.set(path, { type, text, policy });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
