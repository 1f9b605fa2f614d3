/** Where a data test's query and its failing rows are kept. A test may be named freely; only these characters go into a path or a table. */
import type { RelationName } from '../../core/relation.ts';
import type { TestNode } from '../compile/node.ts';
import type { ModelTarget } from '../compile/project-config.ts';
import { shortened } from '../compile/test-name.ts';

function shortName(node: TestNode): string {
  return shortened(node.name.replaceAll(/[^\w-]/g, '_')).short;
}

export function testFile(node: TestNode): string {
  return node.test.type === 'singular' ? node.file : `${node.file}/${shortName(node)}.sql`;
}

/** dbt's schema for `store_failures`. */
export function auditRelation(node: TestNode, target: ModelTarget): RelationName {
  return {
    ...(target.database === undefined ? {} : { database: target.database }),
    schema: `${target.schema}_dbt_test__audit`,
    name: shortName(node),
  };
}
