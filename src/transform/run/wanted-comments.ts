import type { ModelNode, SeedNode } from '../compile/node.ts';
import type { WantedComments } from '../sql/comments.ts';

/** The descriptions that a node's settings say to keep in the warehouse. */
export function wantedComments(node: ModelNode | SeedNode): WantedComments {
  const { persistDocs } = node.config;
  const columns = persistDocs.columns ? node.columns.filter(({ description }) => description !== '') : [];
  return {
    relation: persistDocs.relation && node.description !== '' ? node.description : null,
    columns: columns.map(({ name, description }) => ({ name, comment: description })),
  };
}
