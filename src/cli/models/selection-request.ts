import { SluiceError } from '../../core/errors.ts';
import { didYouMean } from '../../config/suggest.ts';
import type { SelectionRequest } from '../../transform/index.ts';
import type { SelectionOptions } from './surroundings.ts';

const KINDS = ['model', 'seed', 'source', 'test'] as const;

export function selectionRequest(options: SelectionOptions): SelectionRequest {
  const kinds = options.resourceType?.map((word) => {
    const kind = KINDS.find((known) => known === word);
    if (kind !== undefined) return kind;
    throw new SluiceError('usage', `--resource-type "${word}" is not known${didYouMean(word, KINDS)}`, {
      hint: `Known types: ${KINDS.join(', ')}`,
    });
  });
  return {
    select: options.select ?? [],
    exclude: options.exclude ?? [],
    ...(kinds === undefined ? {} : { resourceTypes: kinds }),
  };
}
