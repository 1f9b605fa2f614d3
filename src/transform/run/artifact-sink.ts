/** Where the SQL of a run is kept for people to read; `artifacts.ts` writes files, tests and previews write nothing. */
export interface ArtifactSink {
  /** The rendered select or test query of a file. Gives the path it is kept under, null when it is not. */
  compiled(file: string, sql: string): string | null;
  /** Where `compiled` keeps it. */
  pathOf(file: string): string;
  /** The statements as they run. */
  run(file: string, sql: string): void;
}

export const NO_ARTIFACTS: ArtifactSink = { compiled: () => null, pathOf: (file) => file, run: () => undefined };
