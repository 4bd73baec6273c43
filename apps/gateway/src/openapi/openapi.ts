import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { componentSchemas } from './answers.js';

export const SWAGGER_UI = '/swagger-ui';

const config = new DocumentBuilder()
  .setOpenAPIVersion('3.1.0')
  .setTitle('Longshore Batch Job Endpoint')
  .setDescription('Batch jobs that can be stopped, resumed and trusted.')
  .setVersion('1')
  .addBasicAuth()
  .addSecurityRequirements('basic')
  .build();

/** The document, made from the routes' own decorators. */
export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const document = SwaggerModule.createDocument(app, config);
  const schemas = componentSchemas() as unknown as NonNullable<OpenAPIObject['components']>['schemas'];
  return { ...document, components: { ...document.components, schemas } };
}

/** Serves `/openapi.json` and `/swagger-ui`, to anybody. */
export function serveOpenApi(app: NestFastifyApplication): void {
  SwaggerModule.setup(SWAGGER_UI, app, openApiDocument(app), { jsonDocumentUrl: 'openapi.json', raw: ['json'] });
}
