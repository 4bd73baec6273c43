import { statSync } from 'node:fs';
import { HEARTBEAT_FILE, HEARTBEAT_MS } from './heartbeat.js';

/** Health check of a worker's container: exits 0 while its heartbeat is fresh. */
function isAlive(): boolean {
  try {
    return Date.now() - statSync(HEARTBEAT_FILE).mtimeMs < 3 * HEARTBEAT_MS;
  } catch {
    return false;
  }
}

process.exit(isAlive() ? 0 : 1);
