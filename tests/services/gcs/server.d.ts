import { type Log } from './build.ts';
export interface FakeGcsOptions {
    /** Made at the start. */
    readonly buckets?: readonly string[];
    readonly port?: number;
    readonly log?: Log;
}
export interface FakeGcs {
    /** `http://127.0.0.1:<port>`: for GCS_API_ENDPOINT, and the STORAGE_EMULATOR_HOST of the BigQuery emulator. */
    readonly endpoint: string;
    createBucket(name: string): Promise<void>;
    stop(): Promise<void>;
}
export declare function startFakeGcs(options?: FakeGcsOptions): Promise<FakeGcs>;
