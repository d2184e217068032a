/** A mail server that keeps what it takes, or takes nothing. */
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { until } from "./until";

export interface Letter {
  to: string[];
  /** With what is encoded for the way in plain words. */
  text: string;
}

export class Mailbox {
  readonly letters: Letter[] = [];
  /** What it says to the address that a letter is for. */
  answer = "250 yes";
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((socket) => this.#talk(socket));
  }

  static async start(): Promise<Mailbox> {
    const mailbox = new Mailbox();
    await new Promise<void>((done) => mailbox.#server.listen(0, "127.0.0.1", done));
    return mailbox;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As the configuration of the server has it. */
  get config(): Record<string, string | number> {
    return {
      "smtp.host": "127.0.0.1",
      "smtp.port": this.port,
      "smtp.encryption": "none",
      "smtp.from": "chat@sklep.example.org",
    };
  }

  /** Waits for a letter to somebody. */
  gets(to: string): Promise<Letter> {
    return until(`a letter to ${to}`, () => this.letters.find((it) => it.to.includes(to)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  /** As much of SMTP as it takes. */
  #talk(socket: Socket): void {
    this.#sockets.add(socket.setEncoding("utf8").on("error", () => undefined));
    const say = (line: string) => socket.write(`${line}\r\n`);
    let rest = "";
    let to: string[] = [];
    let data: string[] | undefined;
    const hear = (line: string) => {
      if (data) {
        if (line !== ".") return void data.push(line.replace(/^\./, ""));
        this.letters.push({ to, text: plain(data.join("\n")) });
        [to, data] = [[], undefined];
        say("250 taken");
      } else if (/^RCPT TO:/i.test(line)) {
        if (this.answer.startsWith("2")) to.push(/<(.*)>/.exec(line)?.[1] ?? "");
        say(this.answer);
      } else if (/^DATA/i.test(line)) {
        data = [];
        say("354 go on");
      } else if (/^QUIT/i.test(line)) {
        say("221 bye");
        socket.end();
      } else {
        say("250 yes");
      }
    };
    say("220 mailbox");
    socket.on("data", (part: string) => {
      const lines = (rest + part).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) hear(line);
    });
  }
}

/** Its parts, each as it was encoded. */
function plain(letter: string): string {
  return letter
    .split(/\n(?=--)/)
    .map((part) => {
      const [head = "", ...body] = part.split("\n\n");
      const text = body.join("\n\n");
      const encoding = /^Content-Transfer-Encoding: *(\S+)/im.exec(head)?.[1]?.toLowerCase();
      if (encoding === "base64") return Buffer.from(text, "base64").toString();
      if (encoding !== "quoted-printable") return text;
      const bytes = text.replace(/=\n/g, "").replace(/=([\dA-F]{2})/g, (_, hex: string) => `%${hex}`);
      return bytes.replace(/(%[\dA-F]{2})+/g, decodeURIComponent);
    })
    .join("\n");
}
