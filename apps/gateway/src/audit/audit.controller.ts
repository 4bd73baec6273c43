import { Controller, Get, Inject } from '@nestjs/common';
import { RequirePermission } from '../auth/rules.js';
import { Modules } from '../modules/modules.js';
import { Answers } from '../openapi/answers.js';
import { Checked, type CheckedRequest } from '../requests/request.js';
import { AuditQuery, ModulePath } from '../requests/shapes.js';
import { isoTime } from '../schema/iso-time.js';
import { described, id, list, named, object, oneOf, streamId, text, time, type ValueOf } from '../schema/schema.js';

const AUDIT = { path: ModulePath, query: AuditQuery };

const ENTRIES = named(
  'Audit',
  object({
    entries: list(
      object(
        {
          id: described(streamId, 'Grows with time; hand it over as `before` to go on behind it'),
          time,
          username: text,
          remoteAddress: text,
          operation: oneOf(['start', 'stop', 'force-stop', 'restart', 'abandon', 'delete', 'login']),
          outcome: described(text, '`OK`, or the code of the refusal'),
          message: text,
        },
        { jobName: text, executionId: id },
      ),
    ),
  }),
);

/** Who asked for what, newest first. */
@Controller('batch-job')
export class AuditController {
  constructor(@Inject(Modules) private readonly modules: Modules) {}

  @Get(':module_id/audit')
  @RequirePermission('MANAGE_BATCH_JOBS')
  @Answers(
    200,
    ENTRIES,
    'Who started, stopped, restarted, abandoned or deleted what, and failed logins; the newest first',
  )
  async read(@Checked(AUDIT) { path, query }: CheckedRequest<typeof AUDIT>): Promise<ValueOf<typeof ENTRIES>> {
    const { audit } = this.modules.get(path.module_id);
    const entries = await audit.read(query.before, Number(query.count));
    return { entries: entries.map(({ time: at, ...entry }) => ({ ...entry, time: isoTime(at) })) };
  }
}
