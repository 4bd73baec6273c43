import { connect, type Socket } from 'node:net';

const NOTHING: Buffer = Buffer.alloc(0);
const HEAD_END = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/**
 * Sends one request after another over a kept-alive connection until it is stopped, as cheaply as possible, so that the
 * machine is left to the server. The server must answer with 200 and a Content-Length.
 */
export class RequestLoop {
  #received: Buffer = NOTHING;
  #missing = Infinity;
  answers = 0;
  readonly #socket: Socket;
  readonly ended: Promise<void>;

  constructor(
    port: number,
    private readonly request: Buffer,
    private readonly goesOn: () => boolean,
  ) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => this.#socket.write(request));
    this.ended = new Promise((resolve, reject) => {
      this.#socket.on('data', (piece) => {
        try {
          this.#take(piece);
        } catch (error) {
          reject(error as Error);
          this.#socket.destroy();
        }
      });
      this.#socket.on('error', reject);
      this.#socket.on('close', () =>
        this.goesOn() ? reject(new Error('The server has closed the connection.')) : resolve(),
      );
    });
  }

  #take(piece: Buffer): void {
    if (this.#missing === Infinity) {
      this.#received = this.#received.length === 0 ? piece : Buffer.concat([this.#received, piece]);
      const head = this.#received.indexOf(HEAD_END);
      if (head === -1) return;
      this.#missing =
        bodyLength(this.#received.toString('latin1', 0, head)) - (this.#received.length - head - HEAD_END.length);
    } else {
      this.#missing -= piece.length;
    }
    if (this.#missing === 0) this.#next();
  }

  #next(): void {
    this.answers += 1;
    this.#missing = Infinity;
    this.#received = NOTHING;
    if (this.goesOn()) this.#socket.write(this.request);
    else this.#socket.end();
  }
}

/** @throws Error if the answer is not 200, or has no Content-Length */
function bodyLength(head: string): number {
  const length = CONTENT_LENGTH.exec(head)?.[1];
  if (!head.startsWith('HTTP/1.1 200') || length === undefined) throw new Error(`Unexpected answer: ${head}`);
  return Number(length);
}
