/**
 * A WebSocket as programs open it: with headers of their own, which the pages' `WebSocket` doesn't have, and a line that
 * can be cut.
 */
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Duplex } from "node:stream";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
enum Op {
  More = 0,
  Text = 1,
  Close = 8,
  Ping = 9,
  Pong = 10,
}
/** The line was cut without a word. */
const CUT = 1006;

export class Socket {
  onText: (text: string) => void = () => undefined;
  onClose: (code: number) => void = () => undefined;
  #buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #code = CUT;
  #isOver = false;

  private constructor(
    private readonly line: Duplex,
    head: Buffer,
  ) {
    line.on("data", (bytes: Buffer) => this.#take(bytes));
    line.on("error", () => this.#end());
    line.on("close", () => this.#end());
    // What came with the answer is heard by who was told of the socket.
    queueMicrotask(() => this.#take(head));
  }

  /** `address` is of HTTP. */
  static open(address: string, headers: Record<string, string>): Promise<Socket> {
    const key = randomBytes(16).toString("base64");
    const upgrade = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": key,
      "Sec-WebSocket-Protocol": "rozmowa.v1",
    };
    return new Promise((resolve, reject) => {
      const asked = request(address, { headers: { ...headers, ...upgrade }, agent: false });
      asked.on("error", reject);
      asked.on("response", (answer) => {
        answer.resume();
        reject(new Error(`no socket but ${answer.statusCode}`));
      });
      asked.on("upgrade", (answer, line, head) => {
        const proof = createHash("sha1")
          .update(key + GUID)
          .digest("base64");
        if (answer.headers["sec-websocket-accept"] === proof) resolve(new Socket(line, head));
        else reject(new Error("the other end speaks no WebSocket"));
      });
      asked.end();
    });
  }

  send(text: string): void {
    this.#write(Op.Text, Buffer.from(text));
  }

  close(): void {
    this.#write(Op.Close, Buffer.from([1000 >> 8, 1000 & 255]));
    this.line.end();
  }

  /** As in a tunnel: without a word. */
  cut(): void {
    this.line.destroy();
  }

  #write(op: Op, content: Buffer): void {
    if (this.line.destroyed) return;
    const mask = randomBytes(4);
    const { length } = content;
    const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
    head[0] = 0x80 | op;
    head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
    if (head.length === 4) head.writeUInt16BE(length, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
    const masked = content.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
    this.line.write(Buffer.concat([head, mask, masked]));
  }

  #take(bytes: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes]);
    for (;;) {
      const frame = this.#frame();
      if (!frame) return;
      this.#hear(frame.op, frame.content, frame.isLast);
    }
  }

  /** The next one, if all of it is there. A server masks nothing. */
  #frame(): { op: number; isLast: boolean; content: Buffer } | undefined {
    const buffer = this.#buffer;
    if (buffer.length < 2) return undefined;
    const short = buffer.readUInt8(1) & 0x7f;
    const begin = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (buffer.length < begin) return undefined;
    const length =
      short < 126 ? short : short === 126 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2));
    if (buffer.length < begin + length) return undefined;
    this.#buffer = buffer.subarray(begin + length);
    const first = buffer.readUInt8(0);
    return { op: first & 15, isLast: first >= 128, content: buffer.subarray(begin, begin + length) };
  }

  #hear(op: number, content: Buffer, isLast: boolean): void {
    if (op === Op.Ping) {
      this.#write(Op.Pong, content);
    } else if (op === Op.Close) {
      if (content.length >= 2) this.#code = content.readUInt16BE(0);
      this.#write(Op.Close, content.subarray(0, 2));
      this.line.end();
    } else if (op === Op.Text || op === Op.More) {
      this.#parts.push(content);
      if (!isLast) return;
      const text = Buffer.concat(this.#parts).toString();
      this.#parts = [];
      this.onText(text);
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onClose(this.#code);
  }
}
