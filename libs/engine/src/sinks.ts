import type { JobDefinition } from '#domain';
import type { JobRegistry, TransactionalSink } from '#job-kit';

/** An execution, as far as its sinks go by it. */
interface Execution {
  jobName: string;
  definition: JobDefinition;
}

/** What the engine asks of a sink, whatever it writes. */
export type SinkAccess = Pick<TransactionalSink<never>, 'gate' | 'ledger'>;

export interface Sinks {
  jobs: JobRegistry;
  /** The module's own database: where an execution writes whose job is not known here. */
  own: SinkAccess;
}

/** The sink of a transactional step: the step's own, or the module's where the job is not known here. */
export function sinkOf({ jobs, own }: Sinks, { jobName }: Pick<Execution, 'jobName'>, step: string): SinkAccess {
  const found = jobs.find(jobName)?.steps.find(({ name }) => name === step);
  return found?.kind === 'chunk' && found.sink ? found.sink : own;
}

/** The databases that an execution writes to, each once. */
export function sinksOf(sinks: Sinks, execution: Execution): SinkAccess[] {
  const byName = new Map(
    transactionalSteps(execution).map((step) => {
      const sink = sinkOf(sinks, execution, step);
      return [sink.ledger.name, sink];
    }),
  );
  return [...byName.values()];
}

export const transactionalSteps = ({ definition }: Pick<Execution, 'definition'>): string[] =>
  definition.steps.flatMap(({ name, kind }) => (kind === 'transactional-chunk' ? [name] : []));
