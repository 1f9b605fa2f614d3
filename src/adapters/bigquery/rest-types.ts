/** The slice of BigQuery's REST resources that sluice reads and writes. 64-bit numbers arrive as text. */

export interface TableReference {
  readonly projectId: string;
  readonly datasetId: string;
  readonly tableId: string;
}

export interface FieldSchema {
  readonly name: string;
  readonly type: string;
  readonly mode?: string;
  readonly description?: string;
  readonly precision?: string;
  readonly scale?: string;
  readonly fields?: readonly FieldSchema[];
  readonly policyTags?: { readonly names?: readonly string[] };
}

export interface TableSchema {
  readonly fields?: readonly FieldSchema[];
}

export interface TimePartitioning {
  readonly type?: string;
  readonly field?: string;
  readonly expirationMs?: string;
}

export interface TableResource {
  readonly tableReference: TableReference;
  readonly type?: string;
  readonly schema?: TableSchema;
  readonly timePartitioning?: TimePartitioning;
  readonly rangePartitioning?: {
    readonly field?: string;
    readonly range?: { readonly start?: string; readonly end?: string; readonly interval?: string };
  };
  readonly clustering?: { readonly fields?: readonly string[] };
  readonly requirePartitionFilter?: boolean;
  readonly friendlyName?: string;
  readonly description?: string;
  /** Milliseconds since 1970. */
  readonly expirationTime?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly creationTime?: string;
  readonly numRows?: string;
  readonly location?: string;
  readonly etag?: string;
}

export interface IamBinding {
  readonly role?: string;
  readonly members?: readonly string[];
  readonly condition?: unknown;
}

/** Who may do what on one table, besides what the dataset says. */
export interface IamPolicy {
  readonly version?: number;
  readonly etag?: string;
  readonly bindings?: readonly IamBinding[];
}

export interface RowAccessPolicies {
  readonly rowAccessPolicies?: readonly { readonly rowAccessPolicyReference?: { readonly policyId?: string } }[];
}

export interface DatasetResource {
  readonly datasetReference: { readonly projectId: string; readonly datasetId: string };
  readonly location?: string;
  readonly description?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface ErrorProto {
  readonly reason?: string;
  readonly message?: string;
  readonly location?: string;
}

export interface JobReference {
  readonly projectId: string;
  readonly jobId: string;
  readonly location?: string;
}

export interface QueryConfiguration {
  readonly query: string;
  readonly useLegacySql: false;
  readonly priority?: 'INTERACTIVE' | 'BATCH';
  readonly maximumBytesBilled?: string;
}

export interface LoadConfiguration {
  readonly sourceUris: readonly string[];
  readonly sourceFormat: 'NEWLINE_DELIMITED_JSON';
  readonly destinationTable: TableReference;
  readonly schema: TableSchema;
  readonly createDisposition: 'CREATE_NEVER';
  readonly writeDisposition: 'WRITE_APPEND';
  readonly maxBadRecords: 0;
  readonly ignoreUnknownValues: boolean;
}

export interface JobConfiguration {
  readonly query?: QueryConfiguration;
  readonly load?: LoadConfiguration;
  readonly labels?: Readonly<Record<string, string>>;
  readonly jobTimeoutMs?: string;
  readonly dryRun?: boolean;
}

export interface JobStatisticsResource {
  readonly creationTime?: string;
  readonly startTime?: string;
  readonly endTime?: string;
  readonly totalBytesProcessed?: string;
  readonly totalSlotMs?: string;
  readonly numChildJobs?: string;
  readonly parentJobId?: string;
  readonly query?: {
    readonly totalBytesProcessed?: string;
    readonly totalBytesBilled?: string;
    readonly totalSlotMs?: string;
    readonly numDmlAffectedRows?: string;
    readonly statementType?: string;
    /** Of a dry run. */
    readonly schema?: TableSchema;
  };
  readonly load?: { readonly outputRows?: string; readonly inputFiles?: string; readonly badRecords?: string };
}

export interface JobResource {
  readonly jobReference: JobReference;
  readonly configuration?: JobConfiguration;
  readonly status?: {
    readonly state?: string;
    readonly errorResult?: ErrorProto;
    readonly errors?: readonly ErrorProto[];
  };
  readonly statistics?: JobStatisticsResource;
}

/** A row as the API gives it: cells in the schema's order. */
export interface RowResource {
  readonly f?: readonly { readonly v: unknown }[];
}

export interface QueryResponse {
  readonly jobComplete?: boolean;
  readonly jobReference?: JobReference;
  readonly schema?: TableSchema;
  readonly rows?: readonly RowResource[];
  readonly pageToken?: string;
  readonly totalRows?: string;
  readonly totalBytesProcessed?: string;
  readonly totalBytesBilled?: string;
  readonly totalSlotMs?: string;
  readonly numDmlAffectedRows?: string;
}

/** The body of jobs.query. `requestId` makes a repeated request the same query (for 15 minutes). */
export interface QueryRequest {
  readonly query: string;
  readonly useLegacySql: false;
  readonly requestId: string;
  readonly location?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly maximumBytesBilled?: string;
  readonly timeoutMs: number;
  readonly jobTimeoutMs?: string;
  readonly jobCreationMode?: 'JOB_CREATION_OPTIONAL' | 'JOB_CREATION_REQUIRED';
  readonly formatOptions: { readonly useInt64Timestamp: true };
}
