import { connect, createServer, type Server, type Socket } from 'node:net';

/** A piece of network that can fail: it stands between processes and a server. */
export class TcpProxy {
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: 'open' | 'cut' | 'stuck' = 'open';

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** Listens on a free port of 127.0.0.1 and passes everything on to the other port. */
  static async to(target: number): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const proxy = new TcpProxy(server, typeof address === 'object' && address ? address.port : 0);
    server.on('connection', (near) => proxy.#join(near, connect(target, '127.0.0.1')));
    return proxy;
  }

  /** Resets every connection and every new one. */
  cut(): void {
    this.#state = 'cut';
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** Half-open: nothing comes through, and nobody is told. What was sent meanwhile arrives late, when it heals. */
  stick(): void {
    this.#state = 'stuck';
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  heal(): void {
    this.#state = 'open';
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  close(): void {
    this.cut();
    this.server.close();
  }

  #join(near: Socket, far: Socket): void {
    if (this.#state === 'cut') {
      near.resetAndDestroy();
      far.destroy();
      return;
    }
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true);
      // Not `pipe`, which would resume by itself what is stuck.
      from.on('data', (data) => {
        if (!to.write(data)) from.pause();
      });
      to.on('drain', () => {
        if (this.#state !== 'stuck') from.resume();
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    }
    if (this.#state === 'stuck') for (const socket of pair) socket.pause();
  }
}
