import {
  applyDecorators,
  Inject,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { mergeMap, type Observable } from 'rxjs';
import type { Operation } from '../problem/operation.js';
import { Audit, type OperationAnswer } from './audit.js';

/** Records an operation that was carried out before it is answered. */
@Injectable()
export class AuditInterceptor implements NestInterceptor<OperationAnswer> {
  constructor(@Inject(Audit) private readonly audit: Audit) {}

  intercept(context: ExecutionContext, route: CallHandler<OperationAnswer>): Observable<OperationAnswer> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    return route.handle().pipe(
      mergeMap(async (answer) => {
        await this.audit.succeeded(request, answer);
        return answer;
      }),
    );
  }
}

/** Says which operation a route carries out: every request of it is recorded in the audit, refused ones too. */
export const Audited = (operation: Operation): MethodDecorator =>
  applyDecorators(RouteConfig({ operation }), UseInterceptors(AuditInterceptor));
