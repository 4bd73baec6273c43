import { createServer } from 'node:net';

/** A port of 127.0.0.1 that nobody listens on now. */
export const freePort = (): Promise<number> => tryPort(0, '127.0.0.1');

/** @throws Error that says what to do, if somebody listens on the port */
export async function assertPortFree(port: number, host: string): Promise<void> {
  try {
    await tryPort(port, host);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') throw new Error(`Cannot listen on ${host}:${port}: ${message}`, { cause: error });
    throw new Error(`Port ${port} is in use. Stop what listens there, or choose another: PORT=9001 npm start`, {
      cause: error,
    });
  }
}

function tryPort(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}
