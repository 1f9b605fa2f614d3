/**
 * What a failed request means: which failures pass by themselves (the allow-list of retry, in this one place) and what the others are
 * called in sluice. Anything not listed stops the run.
 */
import { messageOf, SluiceError } from '../../core/errors.ts';
import { describeErrorCode } from './kafkajs-internals.ts';

/** An error code inside a broker's response. */
export class BrokerReply extends Error {
  readonly errorCode: number;
  readonly type: string;

  constructor(errorCode: number, what: string) {
    const { type, message } = describeErrorCode(errorCode);
    super(`${what}: ${type} (${errorCode}), ${message}`);
    this.name = 'BrokerReply';
    this.errorCode = errorCode;
    this.type = type;
  }
}

export const ERROR_CODE = {
  NONE: 0,
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  INVALID_TOPIC: 17,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  SASL_AUTHENTICATION_FAILED: 58,
} as const;

/** A leader moves, a broker starts, a replica catches up: the next moment may answer. */
const TRANSIENT_REPLIES: ReadonlySet<number> = new Set([
  ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION,
  5, // LEADER_NOT_AVAILABLE
  6, // NOT_LEADER_FOR_PARTITION
  7, // REQUEST_TIMED_OUT
  8, // BROKER_NOT_AVAILABLE
  9, // REPLICA_NOT_AVAILABLE
  13, // NETWORK_EXCEPTION
  14, // GROUP_LOAD_IN_PROGRESS
  15, // GROUP_COORDINATOR_NOT_AVAILABLE
  16, // NOT_COORDINATOR_FOR_GROUP
  56, // KAFKA_STORAGE_ERROR: the leader takes its failed disk offline and another replica leads
  74, // FENCED_LEADER_EPOCH
  75, // UNKNOWN_LEADER_EPOCH
  78, // OFFSET_NOT_AVAILABLE: the new leader does not know its high watermark yet
]);

/** Of these the connection is of no use any more; a new one may be. */
const CONNECTION_ERRORS: ReadonlySet<string> = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSLockTimeout',
  'BrokerGone',
]);

/** A connection that cannot be used; also what a broker that does not answer in time is reported as. */
export class BrokerGone extends Error {
  override readonly name = 'BrokerGone';
}

export function isConnectionFailure(error: unknown): boolean {
  return error instanceof Error && CONNECTION_ERRORS.has(error.name) && tlsProblem(error) === null;
}

export function isTransient(error: unknown): boolean {
  if (error instanceof BrokerReply) return TRANSIENT_REPLIES.has(error.errorCode);
  return isConnectionFailure(error);
}

/** Certificates and protocol do not get better by trying again. */
function tlsProblem(error: Error): string | null {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const isTls = /^(?:EPROTO|ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:VERIFY|GET))/.test(code);
  return isTls ? code : null;
}

function isAuthentication(error: unknown): boolean {
  if (error instanceof BrokerReply) return error.errorCode === ERROR_CODE.SASL_AUTHENTICATION_FAILED;
  return error instanceof Error && error.name === 'KafkaJSSASLAuthenticationError';
}

/** The catalogued error for a failure that is final; `doing` says what was tried, where. */
export function kafkaFailure(error: unknown, doing: string): Error {
  if (error instanceof SluiceError) return error;
  if (isAuthentication(error)) {
    return new SluiceError('broker_auth', `${doing} failed: ${messageOf(error)}`, {
      cause: error,
      hint: 'Check KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD.',
    });
  }
  if (error instanceof BrokerReply) return replyFailure(error, doing);
  if (error instanceof Error && tlsProblem(error) !== null) {
    return new SluiceError('broker_unreachable', `${doing} failed: no TLS connection: ${error.message}`, {
      cause: error,
      hint: 'Check KAFKA_SSL (is it a TLS listener?), the certificate’s names and dates, and ssl_ca.',
    });
  }
  return new SluiceError('broker_error', `${doing} failed: ${messageOf(error)}`, { cause: error });
}

function replyFailure(reply: BrokerReply, doing: string): SluiceError {
  const message = `${doing} failed: ${reply.message}`;
  switch (reply.errorCode) {
    case ERROR_CODE.TOPIC_AUTHORIZATION_FAILED:
    case ERROR_CODE.GROUP_AUTHORIZATION_FAILED:
    case ERROR_CODE.CLUSTER_AUTHORIZATION_FAILED:
      return new SluiceError('broker_auth', message, {
        cause: reply,
        hint: 'Give this user the right to READ and DESCRIBE the topic.',
      });
    case ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION:
    case ERROR_CODE.INVALID_TOPIC:
      return new SluiceError('topic_missing', message, { cause: reply });
    default:
      return new SluiceError('broker_error', message, { cause: reply });
  }
}
