/** A way to the server that can go dead without a word, as in a tunnel: nothing is closed, and nothing comes through. */
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

export class Tunnel {
  readonly #ends = new Set<Socket>();
  readonly #server: NetServer;
  #isDead = false;
  /** Where it leads to. */
  port = 0;

  private constructor() {
    this.#server = createServer((near) => {
      const far = connect(this.port, "127.0.0.1");
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  static async open(): Promise<Tunnel> {
    const tunnel = new Tunnel();
    await new Promise<void>((resolve) => tunnel.#server.listen(0, "127.0.0.1", resolve));
    return tunnel;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  enter(): void {
    this.#isDead = true;
  }

  /** What was under way is lost, and so are the connections that it was lost from. */
  leave(): void {
    this.#isDead = false;
    for (const end of this.#ends) end.destroy();
  }

  #join(from: Socket, to: Socket): void {
    this.#ends.add(from);
    from.on("data", (bytes) => this.#isDead || to.write(bytes));
    from.on("error", () => undefined);
    from.on("close", () => {
      this.#ends.delete(from);
      if (!this.#isDead) to.destroy();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
