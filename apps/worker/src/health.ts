import { statSync } from 'node:fs';
import { HEARTBEAT_MS, heartbeatFile } from './heartbeat.js';

/** Health check of a worker: `health.js [PID]` exits 0 while its heartbeat is fresh. In a container the worker is process 1. */
function isAlive(pid: number): boolean {
  try {
    return Date.now() - statSync(heartbeatFile(pid)).mtimeMs < 3 * HEARTBEAT_MS;
  } catch {
    return false;
  }
}

process.exit(isAlive(Number(process.argv[2] ?? 1)) ? 0 : 1);
