import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** Both halves of a connection: the client's, and ours to the server. */
interface Link {
  client: Socket;
  server: Socket;
  /** Half-open for ever: what arrives is dropped, and neither end is told. */
  blackholed: boolean;
}

/** The next request to cut a connection at. */
interface Trap {
  word: string;
  /** Whether the request still reaches the server. Its answer never comes back. */
  delivered: boolean;
  sprung(): void;
}

/**
 * A TCP proxy between processes and a server, which can do what networks do at their worst: cut, refuse, freeze, drop,
 * delay.
 */
export class TcpProxy {
  readonly #links = new Set<Link>();
  #trap: Trap | undefined;
  #state: 'open' | 'refusing' | 'frozen' = 'open';
  /** How long each piece of data takes, each way, in ms. */
  delayMs = 0;

  private constructor(
    private readonly listener: Server,
    private target: URL,
  ) {}

  /** Listens on a free port of 127.0.0.1. @param url of the server */
  static async before(url: string): Promise<TcpProxy> {
    const listener = createServer({ noDelay: true });
    const proxy = new TcpProxy(listener, new URL(url));
    listener.on('connection', (client) => proxy.#accept(client));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  /** A URL of the server, changed so that it leads through the proxy. */
  through(url: string): string {
    const { port } = this.listener.address() as AddressInfo;
    return Object.assign(new URL(url), { port: String(port) }).href;
  }

  /** Sends new connections to another server, and resets those to the old one. */
  redirect(url: string): void {
    this.target = new URL(url);
    this.cut();
  }

  /** Resets every connection; new ones are accepted. */
  cut(): void {
    for (const link of this.#links) reset(link);
  }

  /** Resets every connection and every new one, until {@link restore}. */
  refuse(): void {
    this.#state = 'refusing';
    this.cut();
  }

  /** Holds back all data, of new connections too, until {@link restore}: then it arrives late. Nobody is told. */
  freeze(): void {
    this.#state = 'frozen';
    for (const { client, server } of this.#links) for (const socket of [client, server]) socket.pause();
  }

  /** Ends {@link refuse} and {@link freeze}. */
  restore(): void {
    this.#state = 'open';
    for (const { client, server } of this.#links) for (const socket of [client, server]) socket.resume();
  }

  /** Leaves every connection half-open for ever; new ones are accepted. */
  blackhole(): void {
    for (const link of this.#links) link.blackholed = true;
  }

  /**
   * Cuts the first connection on which a client sends the word, at that very moment.
   *
   * @param delivered whether the request still reaches the server; then the connection is cut when the server answers,
   *   and the answer is lost
   * @returns resolves once it has happened
   */
  cutAt(word: string, delivered: boolean): Promise<void> {
    return new Promise((sprung) => {
      this.#trap = { word, delivered, sprung };
    });
  }

  /** Ends all connections and stops listening. */
  async close(): Promise<void> {
    const closed = once(this.listener, 'close');
    this.listener.close();
    this.cut();
    await closed;
  }

  #accept(client: Socket): void {
    // An error is followed by 'close'.
    client.on('error', () => undefined);
    if (this.#state === 'refusing') return void client.resetAndDestroy();
    const server = connect({ host: this.target.hostname, port: Number(this.target.port), noDelay: true });
    const link = { client, server, blackholed: false };
    this.#links.add(link);
    let trap: Trap | undefined;
    this.#pass(client, server, async (data) => {
      if (link.blackholed) return false;
      trap ??= this.#trapFor(data);
      if (trap && !trap.delivered) spring(link, trap);
      await this.#delay();
      return !link.blackholed;
    });
    this.#pass(server, client, async () => {
      if (trap) spring(link, trap);
      await this.#delay();
      return !link.blackholed;
    });
    this.#closeTogether(link);
    if (this.#state === 'frozen') for (const socket of [client, server]) socket.pause();
  }

  /** Passes data on in order, as far as `mayPass` lets it. Not by `pipe`, which would resume what is frozen. */
  #pass(from: Socket, to: Socket, mayPass: (data: Buffer) => Promise<boolean>): void {
    let earlier: Promise<unknown> = Promise.resolve();
    const passOn = async (data: Buffer, before: Promise<unknown>) => {
      const passes = mayPass(data);
      await before;
      if ((await passes) && !to.write(data)) from.pause();
    };
    from.on('data', (data) => {
      earlier = passOn(data, earlier);
    });
    to.on('drain', () => {
      if (this.#state !== 'frozen') from.resume();
    });
    from.on('error', () => undefined);
  }

  /** A connection that one end closes or resets is closed or reset for the other as well. */
  #closeTogether(link: Link): void {
    const { client, server } = link;
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('close', (hadError) => {
        this.#links.delete(link);
        // One end of a half-open connection never learns that the other has gone.
        if (link.blackholed) return;
        if (hadError) other.resetAndDestroy();
        else other.destroySoon();
      });
    }
  }

  #trapFor(data: Buffer): Trap | undefined {
    const trap = this.#trap;
    if (!trap || !data.includes(trap.word)) return undefined;
    this.#trap = undefined;
    return trap;
  }

  async #delay(): Promise<void> {
    if (this.delayMs > 0) await pause(this.delayMs);
  }
}

function spring(link: Link, { sprung }: Trap): void {
  link.blackholed = true;
  reset(link);
  sprung();
}

function reset({ client, server }: Link): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
