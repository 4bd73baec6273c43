import { createServer, type AddressInfo, type Server } from 'node:net';

/** A port of 127.0.0.1 that is free at the moment. */
export const freePort = async (): Promise<number> => (await freePorts(1))[0] as number;

/** As {@link freePort}, several at once: drawn one by one, two might be the same. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenOn(0, '127.0.0.1')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(close));
  return ports;
}

/** @throws Error that says what to do, if the port is in use */
export async function assertPortFree(port: number, host: string): Promise<void> {
  try {
    await close(await listenOn(port, host));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw new Error(`Cannot listen on ${host}:${port}: ${message}`, { cause: error });
    throw new Error(`Port ${port} is in use. Stop what listens there, or choose another: PORT=9001 npm start`, {
      cause: error,
    });
  }
}

function listenOn(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
