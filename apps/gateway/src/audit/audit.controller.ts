import { Controller, Get, Inject } from '@nestjs/common';
import { Answers, PathParameters, QueryParameters } from '../api/answers.js';
import { RequirePermission } from '../auth/rules.js';
import { Ask, type Asked } from '../batch-job/asked.js';
import { AuditQuery, ModulePath } from '../batch-job/dto.js';
import { isoTime } from '../batch-job/times.js';
import { Modules } from '../modules.js';

const AUDIT = { path: ModulePath, query: AuditQuery };

/** Who asked for what, newest first. */
@Controller('batch-job')
export class AuditController {
  constructor(@Inject(Modules) private readonly modules: Modules) {}

  @Get(':module_id/audit')
  @RequirePermission('MANAGE_BATCH_JOBS')
  @PathParameters('module_id')
  @QueryParameters('before', 'count')
  @Answers(200, 'Audit', 'Who started, stopped, restarted, abandoned or deleted what; the newest first')
  async read(@Ask(AUDIT) { path, query }: Asked<typeof AUDIT>) {
    const { audit } = this.modules.get(path.module_id);
    const entries = await audit.read(query.before, Number(query.count));
    return { entries: entries.map(({ time, ...entry }) => ({ ...entry, time: isoTime(time) })) };
  }
}
