/** What an identity may do in the landing bucket, and where the bucket lies; nothing is written. */
import { openBucket, type GcsOptions } from './bucket.ts';
import { gcsError, statusOf } from './errors.ts';
import { DEFAULT_RETRY, retrying, type RetryPolicy } from './retrying.ts';

export interface BucketAccess {
  /** Object permissions that are missing; null: this server does not tell (an emulator). */
  readonly missing: readonly string[] | null;
  /** `EU`, `EUROPE-WEST3`, …; null: not known, `storage.buckets.get` is missing. */
  readonly location: string | null;
  /** Of a dual-region bucket, where its data lies. */
  readonly regions: readonly string[];
}

/** What landing does with objects; all are in roles/storage.objectUser. */
const PERMISSIONS = ['create', 'get', 'list', 'delete'].map((verb) => `storage.objects.${verb}`);

interface BucketMetadata {
  readonly location?: string;
  readonly customPlacementConfig?: { readonly dataLocations?: readonly string[] };
}

/** Throws `store_failed` when the bucket is not there or the service cannot be asked. */
export async function bucketAccess(options: GcsOptions, retry: RetryPolicy = DEFAULT_RETRY): Promise<BucketAccess> {
  const bucket = await openBucket(options);
  const place = { bucket: options.bucket, permission: 'storage.buckets.get', bucketOnly: true };
  try {
    const missing = await retrying(retry, async () => {
      try {
        const [granted] = (await bucket.iam.testPermissions(PERMISSIONS)) as [
          Readonly<Record<string, boolean>>,
          unknown,
        ];
        return PERMISSIONS.filter((permission) => granted[permission] !== true);
      } catch (error) {
        if (isUnknownRequest(error, options)) return null;
        throw error;
      }
    });
    const metadata = await retrying(retry, async () => {
      try {
        const [metadata] = (await bucket.getMetadata()) as [BucketMetadata, unknown];
        return metadata;
      } catch (error) {
        if (statusOf(error) === 403) return {};
        throw error;
      }
    });
    return {
      missing,
      location: metadata.location ?? null,
      regions: metadata.customPlacementConfig?.dataLocations ?? [],
    };
  } catch (error) {
    throw gcsError(error, { ...place, action: 'look' });
  }
}

/** The regions in BigQuery's multi-region EU: Europe's, without London and Zürich. */
const EU_REGION = /^europe-(?!west2$|west6$)/;

/**
 * Whether BigQuery loads from the bucket into a dataset of `location`: the same place, a place inside the dataset's multi-region, or a dual-region
 * that has the dataset's region. Into the multi-region US it loads from everywhere.
 */
export function fits({ location, regions }: Pick<BucketAccess, 'location' | 'regions'>, dataset: string): boolean {
  const wanted = dataset.toLowerCase();
  const places = [location ?? '', ...regions].map((place) => place.toLowerCase());
  if (places.includes(wanted) || wanted === 'us') return true;
  if (wanted !== 'eu') return false;
  return places.some((place) => place === 'eur4' || place === 'eu' || EU_REGION.test(place));
}

/** fake-gcs-server has no permissions, and no address for them. */
function isUnknownRequest(error: unknown, { apiEndpoint }: GcsOptions): boolean {
  return apiEndpoint !== null && [404, 405, 501].includes(statusOf(error) ?? 0);
}
