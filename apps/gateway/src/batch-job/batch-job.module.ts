import { Module } from '@nestjs/common';
import { AuditController } from '../audit/audit.controller.js';
import { Audit } from '../audit/audit.js';
import { OperationsController } from './operations.controller.js';
import { ReadingController } from './reading.controller.js';

/** The Batch Job Endpoint. */
@Module({
  controllers: [ReadingController, OperationsController, AuditController],
  providers: [Audit],
  exports: [Audit],
})
export class BatchJobModule {}
