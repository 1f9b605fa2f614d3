export type Log = (line: string) => void;
/** The binary's path; builds it first when it is not there. `log` hears why the caller waits. */
export declare function fakeGcsBinary(log?: Log): Promise<string>;
