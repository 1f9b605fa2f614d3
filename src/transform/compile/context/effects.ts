/**
 * What a template asks of the warehouse while it renders. Rendering is synchronous and pure, a query is not: the first time a template
 * asks, rendering stops with a `RenderInterrupt`, the question is answered, and the template is rendered again with the answer known.
 * Answers are kept by their place in the order of questions, so that a query which stands twice runs twice.
 */
import { SluiceError } from '../../../core/errors.ts';
import type { RelationInfo, RelationName } from '../../../core/relation.ts';
import type { ModelWarehouse, QueryResult } from '../../run/ports.ts';
import { RenderInterrupt } from '../jinja/index.ts';

export type Question =
  { readonly kind: 'query'; readonly sql: string } | { readonly kind: 'relation'; readonly relation: RelationName };

interface Answers {
  readonly query: QueryResult;
  readonly relation: RelationInfo | undefined;
}

/** More questions than this in one template are a loop over rows that belongs into SQL. */
const MAX_QUESTIONS = 1000;

export class Effects {
  readonly #answers: { readonly question: Question; readonly answer: Answers[Question['kind']] }[] = [];
  #next = 0;
  /** What the rendering that is under way said; heard once, when it has come to its end. */
  #messages: (() => void)[] = [];

  query(sql: string): QueryResult {
    return this.#ask({ kind: 'query', sql }) as QueryResult;
  }

  relation(relation: RelationName): RelationInfo | undefined {
    return this.#ask({ kind: 'relation', relation }) as RelationInfo | undefined;
  }

  #ask(question: Question): Answers[Question['kind']] {
    const known = this.#answers[this.#next];
    if (known === undefined) throw new RenderInterrupt(question);
    this.#next++;
    if (JSON.stringify(known.question) !== JSON.stringify(question)) {
      throw new SluiceError('internal', 'a template asked the warehouse something else when it was rendered again');
    }
    return known.answer;
  }

  later(message: () => void): void {
    this.#messages.push(message);
  }

  /** Renders until every question has its answer. */
  async settle<T>(warehouse: ModelWarehouse, render: () => T): Promise<T> {
    for (;;) {
      this.#next = 0;
      this.#messages = [];
      try {
        const rendered = render();
        for (const message of this.#messages) message();
        return rendered;
      } catch (error) {
        if (!(error instanceof RenderInterrupt)) throw error;
        if (this.#answers.length >= MAX_QUESTIONS) {
          throw new SluiceError(
            'compile_error',
            `a template asked the warehouse more than ${String(MAX_QUESTIONS)} times`,
          );
        }
        const question = error.reason as Question;
        this.#answers.push({ question, answer: await answer(warehouse, question) });
      }
    }
  }
}

async function answer(warehouse: ModelWarehouse, question: Question): Promise<Answers[Question['kind']]> {
  switch (question.kind) {
    case 'query':
      return warehouse.query(question.sql);
    case 'relation':
      return warehouse.relation(question.relation);
  }
}
