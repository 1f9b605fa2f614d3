/** So that the JSON of a run that failed before it began has the members of a report. */
export const EMPTY_REPORT = { logicalTime: null, batches: [], steps: [], models: [] } as const;
