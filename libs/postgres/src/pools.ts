import type { Log } from '#job-kit';
import { Pool, type PoolConfig } from 'pg';

/** A transaction whose process does not go on is ended after this time, in ms, and its row locks with it. */
const IDLE_IN_TRANSACTION_MS = 30_000;
/** Longest wait of a chunk for a row lock, in ms: longer than {@link IDLE_IN_TRANSACTION_MS}, so that a frozen holder goes first. */
const CHUNK_LOCK_MS = 60_000;
/** Longest wait for the gate's row lock before its holders are terminated, in ms. */
const GATE_LOCK_MS = 300;
/** Longest wait for an answer, in ms: a server that vanished from the network never gives one. */
const ANSWER_MS = 300_000;
/** Longest wait for a connection, in ms. */
export const CONNECT_MS = 10_000;

export interface PoolOptions {
  databaseUrl: string;
  log: Log;
}

/** Connections for attempts at partitions: each attempt holds one until it is closed. */
export const attemptPool = (options: PoolOptions, max: number): Pool =>
  openPool(options, {
    max,
    lock_timeout: CHUNK_LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    query_timeout: ANSWER_MS,
  });

/** Connections for gates and questions, apart, so that they never wait for an attempt to end. */
export const controlPool = (options: PoolOptions): Pool =>
  openPool(options, { max: 2, lock_timeout: GATE_LOCK_MS, query_timeout: ANSWER_MS });

function openPool({ databaseUrl, log }: PoolOptions, config: PoolConfig): Pool {
  const pool = new Pool({
    connectionString: databaseUrl,
    application_name: 'longshore',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    ...config,
  });
  // The pool drops the connection by itself; without a listener its loss would end the process.
  pool.on('error', (error) => log.warn('An idle database connection was lost', { reason: error.message }));
  return pool;
}
