/** What can go wrong on demand: each fault is asked for by a test, hits the next fitting request or job, and is then used up. */
import type { CallKind } from '../../../src/adapters/bigquery/client.ts';

export interface FrontCall {
  readonly kind: CallKind;
  /** The job id, where the call has one. */
  readonly jobId: string | undefined;
  readonly body: unknown;
}

export type Fault =
  /** Answered instead of being done. */
  | { readonly type: 'refuse'; readonly status: number; readonly reason: string; readonly message?: string }
  /** The connection ends before anything is done. */
  | { readonly type: 'disconnect' }
  /** Done, and the connection ends before the answer comes; `afterwards` hears that it is done. */
  | { readonly type: 'lose_response'; readonly afterwards?: () => void }
  /** On its way for long: it arrives when the promise resolves. */
  | { readonly type: 'hold'; readonly until: Promise<void> }
  /** Nothing is done and nothing is answered, but the connection stays. */
  | { readonly type: 'hang' }
  /** Done, and the answer takes this long. */
  | { readonly type: 'delay'; readonly ms: number }
  /** The job (of an insert) ends with this error and has changed nothing. */
  | { readonly type: 'fail_job'; readonly reason: string; readonly message: string }
  /** The job waits this long for slots: it stays in PENDING. */
  | { readonly type: 'pending_job'; readonly ms: number }
  /** The job stays in RUNNING this long before it does its work. */
  | { readonly type: 'slow_job'; readonly ms: number }
  /** An admin cancels it. */
  | { readonly type: 'cancel_job' };

export interface FaultPlan {
  readonly on: CallKind | ((call: FrontCall) => boolean);
  readonly fault: Fault;
  /** How many fitting calls it hits; 1 unless said. */
  readonly times?: number;
}

export class Faults {
  readonly #plans: { readonly plan: FaultPlan; left: number }[] = [];

  add(plan: FaultPlan): void {
    this.#plans.push({ plan, left: plan.times ?? 1 });
  }

  clear(): void {
    this.#plans.length = 0;
  }

  /** The faults for this call, used up by it. */
  take(call: FrontCall): readonly Fault[] {
    const hits: Fault[] = [];
    for (const entry of this.#plans) {
      const { on } = entry.plan;
      const fits = typeof on === 'function' ? on(call) : on === call.kind;
      if (!fits || entry.left === 0) continue;
      entry.left--;
      hits.push(entry.plan.fault);
    }
    return hits;
  }
}
