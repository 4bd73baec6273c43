import { count, list, named, object, text, truth } from '../schema/schema.js';

/** `GET …/{job_execution_id}/verify`: what comparing an execution with its databases has shown. */
export const VERIFICATION = named(
  'Verification',
  object({
    verified: truth,
    steps: list(
      object({
        stepName: text,
        partitions: object({ total: count, completed: count, finished: count }),
        writeCount: object({ execution: count, database: count }),
      }),
    ),
    findings: list(text),
  }),
);
