import { NoAnswerError, ProblemError, type ExecutionJson, type SingleExecutionJson } from '#client';

/** What the run reads of an execution in a listing. */
export type Listed = Pick<
  ExecutionJson,
  'id' | 'executionUUID' | 'status' | 'running' | 'exitStatus' | 'startTime' | 'endTime' | 'recordWriteCount'
>;

/** What the run reads of the view of a single execution. */
export type Viewed = Listed & Pick<SingleExecutionJson, 'progress' | 'results' | 'jobVersion' | 'stepExecutions'>;

/** How a request ended. `unknown`: no answer says whether it was carried out. */
export type Answer<T> =
  | { kind: 'done'; body: T; sentAt: number; answeredAt: number }
  | { kind: 'refused'; status: number; code: string; message: string }
  | { kind: 'unknown'; why: string };

/** Sends a request and sorts its outcome into what is certain and what is not. Anything else is thrown. */
export async function answerTo<T>(send: () => Promise<T>): Promise<Answer<T>> {
  const sentAt = Date.now();
  try {
    const body = await send();
    return { kind: 'done', body, sentAt, answeredAt: Date.now() };
  } catch (error) {
    if (error instanceof NoAnswerError) return { kind: 'unknown', why: error.message };
    if (!(error instanceof ProblemError)) throw error;
    const { status, code, detail } = error;
    if (status === 503) return { kind: 'unknown', why: code };
    return { kind: 'refused', status, code, message: detail };
  }
}
