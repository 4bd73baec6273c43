import { Global, Module } from '@nestjs/common';
import { RefusalListener } from '../problem/problem.filter.js';
import { AuditController } from './audit.controller.js';
import { Audit } from './audit.js';

/** The audit: what is recorded, and the route that shows it. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [Audit, { provide: RefusalListener, useExisting: Audit }],
  exports: [Audit, RefusalListener],
})
export class AuditModule {}
