import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { signal, type Signal } from './signal.js';

/** Both halves of a connection: a client's, and ours to the server. */
interface Link {
  client: Socket;
  server: Socket;
  /** Half-open: nothing passes any more, and nobody is told. */
  dead: boolean;
}

/** What is to be cut off, and when. */
interface Ambush {
  word: string;
  /** Whether the word still reaches the server; its answer does not come back in any case. */
  delivered: boolean;
  sprung: Signal<void>;
}

/** A stretch of network between processes and a server, which does what networks do at their worst. */
export class TcpProxy {
  readonly #links = new Set<Link>();
  #ambush: Ambush | undefined;
  /** How long each piece of data takes, each way, in ms. */
  delayMs = 0;

  private constructor(
    private readonly listener: Server,
    private target: URL,
  ) {}

  /** @param url of the server */
  static async before(url: string): Promise<TcpProxy> {
    const listener = createServer({ noDelay: true });
    const proxy = new TcpProxy(listener, new URL(url));
    listener.on('connection', (client) => proxy.#accept(client));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  /** The way to a URL of the server, through here. */
  through(url: string): string {
    const { port } = this.listener.address() as AddressInfo;
    return Object.assign(new URL(url), { port: String(port) }).href;
  }

  /** Leads new connections to another server, and cuts those to the old one. */
  lead(url: string): void {
    this.target = new URL(url);
    this.cut();
  }

  /** Resets every connection; new ones are let through. */
  cut(): void {
    for (const link of this.#links) sever(link);
  }

  /** Leaves every connection half-open, for ever; new ones are let through. */
  numb(): void {
    for (const link of this.#links) link.dead = true;
  }

  /**
   * Cuts the first connection on which a client says the word, at that very moment.
   *
   * @param delivered whether the server hears it; then it is cut when the server has answered, and the answer is lost
   * @returns resolves when it has happened
   */
  cutAt(word: string, delivered: boolean): Promise<void> {
    const sprung = signal<void>();
    this.#ambush = { word, delivered, sprung };
    return sprung.given;
  }

  /** Ends all connections and listens no more. */
  async close(): Promise<void> {
    const closed = once(this.listener, 'close');
    this.listener.close();
    this.cut();
    await closed;
  }

  #accept(client: Socket): void {
    const server = connect({ host: this.target.hostname, port: Number(this.target.port), noDelay: true });
    const link = { client, server, dead: false };
    this.#links.add(link);
    let ambush: Ambush | undefined;
    pass(client, server, async (data) => {
      if (link.dead) return false;
      ambush ??= this.#caught(data);
      if (ambush && !ambush.delivered) spring(link, ambush);
      await this.#delay();
      return !link.dead;
    });
    pass(server, client, async () => {
      if (ambush) spring(link, ambush);
      await this.#delay();
      return !link.dead;
    });
    for (const socket of [client, server]) {
      socket.on('close', () => {
        this.#links.delete(link);
        // One end of a half-open connection never learns that the other is gone.
        if (!link.dead) sever(link);
      });
    }
  }

  #caught(data: Buffer): Ambush | undefined {
    const ambush = this.#ambush;
    if (!ambush || !data.includes(ambush.word)) return undefined;
    this.#ambush = undefined;
    return ambush;
  }

  async #delay(): Promise<void> {
    if (this.delayMs > 0) await pause(this.delayMs);
  }
}

/** Hands on what comes, in order, as far as it is let. */
function pass(from: Socket, to: Socket, isLet: (data: Buffer) => Promise<boolean>): void {
  let earlier: Promise<unknown> = Promise.resolve();
  const handOn = async (data: Buffer, before: Promise<unknown>) => {
    const passes = isLet(data);
    await before;
    if (await passes) to.write(data);
  };
  from.on('data', (data) => {
    earlier = handOn(data, earlier);
  });
  from.on('error', () => undefined);
}

function spring(link: Link, { sprung }: Ambush): void {
  link.dead = true;
  sever(link);
  sprung.give();
}

function sever({ client, server }: Link): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
