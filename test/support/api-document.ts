import type { Ajv2020 as Ajv } from 'ajv/dist/2020.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import request, { type Response } from 'supertest';

/** A route and everything it may answer, as the document has them. */
export interface DocumentedRoute {
  method: 'get' | 'post' | 'delete';
  /** E.g. `/batch-job/{module_id}`. */
  template: string;
  statuses: readonly number[];
  /** All that its path, query and headers may hold. */
  parameters: readonly DocumentedParameter[];
  /** Names of its query parameters. */
  queryParameters: readonly string[];
}

export interface DocumentedParameter {
  name: string;
  in: 'path' | 'query' | 'header';
  schema: ParameterSchema;
}

/** As much of JSON Schema as is said of parameters. */
export interface ParameterSchema {
  type?: string;
  format?: string;
  pattern?: string;
  enum?: readonly string[];
  items?: ParameterSchema;
  minimum?: number;
  maximum?: number;
}

interface Operation {
  parameters?: DocumentedParameter[];
  responses: Record<string, { content?: Record<string, { schema: object }>; headers?: Record<string, object> }>;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<DocumentedRoute['method'], Operation>>;
  components: object;
}

/** The OpenAPI document that a gateway serves. */
export class ApiDocument {
  readonly #ajv: Ajv;

  private constructor(readonly document: Document) {
    this.#ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
    formats.default(this.#ajv);
    // Where the schemas' references lead to; no rule by itself.
    this.#ajv.addVocabulary(['components']);
  }

  static async of(url: string): Promise<ApiDocument> {
    return new ApiDocument((await request(url).get('/openapi.json').expect(200)).body as Document);
  }

  get routes(): DocumentedRoute[] {
    return Object.entries(this.document.paths).flatMap(([template, operations]) =>
      (Object.entries(operations) as [DocumentedRoute['method'], Operation][]).map(
        ([method, { parameters = [], responses }]) => ({
          method,
          template,
          statuses: Object.keys(responses).map(Number),
          parameters,
          queryParameters: parameters.filter((p) => p.in === 'query').map((p) => p.name),
        }),
      ),
    );
  }

  /** The route of a path; of several the one with the most words of its own. */
  routeOf(method: string, path: string): DocumentedRoute | undefined {
    const fits = ({ template }: DocumentedRoute) =>
      new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
    return this.routes
      .filter((route) => route.method === method.toLowerCase() && fits(route))
      .toSorted((a, b) => a.template.split('{').length - b.template.split('{').length)[0];
  }

  /** Everything in which an answer is not what the document says; empty if nothing. */
  faultsOf({ request: { method, url }, status, headers, body }: Response): string[] {
    const path = new URL(url).pathname;
    const route = this.routeOf(method, path);
    if (!route) return [`${method} ${path} is not documented`];
    const answer = this.document.paths[route.template]?.[route.method].responses[status];
    if (!answer) return [`${method} ${route.template} does not document ${status}`];
    const type = String(headers['content-type']).split(';')[0] ?? '';
    const schema = answer.content?.[type]?.schema;
    if (!schema) return [`${method} ${route.template} ${status} does not document ${type}`];
    const missing = Object.keys(answer.headers ?? {}).filter((name) => headers[name.toLowerCase()] === undefined);
    const validate = this.#ajv.compile({ ...schema, components: this.document.components });
    const faults = validate(body) ? [] : (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message}`);
    return [...faults, ...missing.map((name) => `header ${name} is missing`)];
  }
}
