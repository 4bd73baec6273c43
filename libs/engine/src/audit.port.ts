/** Who asked for what, and what came of it. */
export interface AuditEntry {
  /** Milliseconds since the epoch. */
  time: number;
  username: string;
  /** Address the request came from. */
  remoteAddress: string;
  operation: 'start' | 'stop' | 'force-stop' | 'restart' | 'abandon' | 'delete' | 'login';
  jobName: string | undefined;
  executionId: number | undefined;
  /** `OK`, or the code of the refusal. */
  outcome: string;
  /** What the caller was told. */
  message: string;
}

/** An entry as it is read: with its id, which grows with time and says where the next page goes on. */
export type RecordedEntry = AuditEntry & { id: string };

/** Append-only record of a module's operations; the oldest entries go once there are too many. */
export interface AuditLog {
  append(entry: AuditEntry): Promise<void>;
  /**
   * Newest first.
   *
   * @param before id to go on behind; undefined for the newest
   * @param count 1 to 1000
   */
  read(before: string | undefined, count: number): Promise<RecordedEntry[]>;
}
