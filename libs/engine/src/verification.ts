import { isRunning } from '#domain';
import type { VerifiedStep, VerifyReport } from './operator.port.js';
import type { ExecutionRecord } from './records.js';
import { sinkOf, transactionalSteps, type Sinks } from './sinks.js';
import type { VerifyStore } from './store.port.js';

export type { VerifyStore } from './store.port.js';

/**
 * Compares an execution with its databases: the partitions that count as COMPLETED with those that the database knows as
 * finished, the counts with the checkpoints', and the checkpoints with the table. A running execution's counts may lag.
 */
export async function verifyExecution(
  { store, sinks }: { store: VerifyStore; sinks: Sinks },
  execution: ExecutionRecord,
): Promise<VerifyReport> {
  const steps: VerifiedStep[] = [];
  const findings: string[] = [];
  for (const step of transactionalSteps(execution)) {
    const { planned, partitions: total, completed } = await store.planProgress(execution.instanceId, step);
    if (!planned) continue;
    const { ledger } = sinkOf(sinks, execution, step);
    const report = await ledger.verify(execution, step, total);
    const database = await ledger.total(execution, step);
    const counted = await store.stepCounts({ id: execution.id, uuid: execution.uuid, step });
    const verified = {
      stepName: step,
      partitions: { total, completed, finished: report.finished },
      writeCount: { execution: counted.writeCount, database: database.writeCount },
    };
    steps.push(verified);
    findings.push(...findingsOf(execution, verified, report.sealed), ...report.findings);
  }
  if (execution.databaseWentBack !== undefined) {
    findings.push(
      'The database was put back to a state before the end of this execution. Start the job anew to import again what is missing.',
    );
  }
  return { verified: findings.length === 0, steps, findings };
}

function findingsOf({ status, id, latest }: ExecutionRecord, step: VerifiedStep, sealed: boolean): string[] {
  const { stepName, partitions, writeCount } = step;
  const findings: string[] = [];
  if (partitions.finished < partitions.completed) {
    findings.push(
      `${partitions.completed} partitions of ${stepName} count as COMPLETED, and the database knows ${partitions.finished} as finished. ${status === 'COMPLETED' ? 'Start the job anew' : 'Restart the execution'} to import again what is missing.`,
    );
  }
  // Once a restart has claimed a partition, the checkpoint counts for the restart.
  if (!isRunning(status) && id === latest && writeCount.execution !== writeCount.database) {
    findings.push(
      `The execution counts ${writeCount.execution} rows written in ${stepName}, and the database ${writeCount.database}.`,
    );
  }
  if (status === 'COMPLETED' && !sealed) {
    findings.push(
      'The database does not know that this execution has COMPLETED: it may have been put back to an older state.',
    );
  }
  return findings;
}
