import { asChild } from '../child.js';
import { RequestLoop } from './socket.js';

export interface Load {
  port: number;
  path: string;
  headers: Record<string, string>;
  connections: number;
  /** How long answers are counted, in ms; a fifth of it is spent before, uncounted, to warm up. */
  ms: number;
}

/** Sends the same request over and over. Prints the answers per second. */
await asChild(async ({ port, path, headers, connections, ms }: Load) => {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  let over = false;
  const loops = Array.from({ length: connections }, () => new RequestLoop(port, request, () => !over));
  const answers = () => loops.reduce((sum, loop) => sum + loop.answers, 0);
  const failed = Promise.all(loops.map(({ ended }) => ended));
  const pause = (length: number) => Promise.race([failed, new Promise((resolve) => setTimeout(resolve, length))]);
  await pause(ms / 5);
  const [before, began] = [answers(), performance.now()];
  await pause(ms);
  const rate = ((answers() - before) * 1_000) / (performance.now() - began);
  over = true;
  await failed;
  return rate;
});
