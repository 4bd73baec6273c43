import type { ControlledExecution, ExecutionRef } from './store.port.js';

const CAPACITY = 200;

/** Remembers what never changes of the executions a worker lately worked for; the oldest is forgotten first. */
export class ExecutionCache {
  readonly #known = new Map<string, ControlledExecution>();

  constructor(private readonly load: (ref: ExecutionRef) => Promise<ControlledExecution | undefined>) {}

  /** Undefined if there is no such execution. */
  async get({ id, uuid }: ExecutionRef): Promise<ControlledExecution | undefined> {
    const known = this.#known.get(uuid);
    if (known) return known;
    const found = await this.load({ id, uuid });
    if (found) this.#remember(found);
    return found;
  }

  #remember(execution: ControlledExecution): void {
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= CAPACITY) this.#known.delete(oldest);
    this.#known.set(execution.uuid, execution);
  }
}
