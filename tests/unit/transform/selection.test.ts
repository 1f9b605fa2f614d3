import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selectNodes, type Project } from '../../../src/transform/index.ts';
import { parseSelector } from '../../../src/transform/compile/selector.ts';
import { modelProject, tree, type ProjectFixture } from '../../support/model-project.ts';

/**
 * raw.events, raw.users (sources), country (seed)
 *   stg_events -> current -> report
 *   stg_users  -> current    |
 *   country ------------------
 */
let fixture: ProjectFixture;
let project: Project;

beforeAll(async () => {
  fixture = await modelProject(
    {
      'models/staging/stg_events.sql': "{{ config(tags=['daily']) }} select * from {{ source('raw', 'events') }}",
      'models/staging/stg_users.sql': "select * from {{ source('raw', 'users') }}",
      'models/marts/current.sql': `{{ config(materialized='incremental', unique_key='id', tags=['daily', 'core'], meta={'owner': 'ann'}) }}
select * from {{ ref('stg_events') }} join {{ ref('stg_users') }} using (id)`,
      'models/marts/report.sql':
        "{{ config(materialized='table') }} select * from {{ ref('current') }} join {{ ref('country') }} using (c)",
      'seeds/country.csv': 'c\nDE\n',
      'tests/data/no_gaps.sql': "select 1 from {{ ref('report') }} where false",
      'models/schema.yml': `version: 2
sources:
  - name: raw
    tags: [landing]
    tables: [{name: events}, {name: users, columns: [{name: id, data_tests: [not_null]}]}]
models:
  - name: current
    columns:
      - name: id
        data_tests:
          - unique
          - relationships: {to: "ref('stg_users')", field: id}
`,
    },
    { models: tree({}, { staging: tree({ materialized: 'view' }) }) },
  );
  project = await fixture.compile();
});
afterAll(() => fixture.dispose());

function select(
  text: string | readonly string[],
  exclude: readonly string[] = [],
  kinds?: readonly ('model' | 'seed' | 'source' | 'test')[],
): string {
  const list = typeof text === 'string' ? [text] : text;
  const { ids } = selectNodes(project, {
    select: list,
    exclude,
    ...(kinds === undefined ? {} : { resourceTypes: kinds }),
  });
  return [...ids]
    .map((id) => project.nodes.get(id))
    .flatMap((node) => (node === undefined ? [] : [node.name]))
    .sort()
    .join(' ');
}

const built = (text: string | readonly string[], exclude: readonly string[] = []): string =>
  select(text, exclude, ['model', 'seed', 'source']);

describe('selecting nodes', () => {
  it.each([
    ['report', 'report'],
    ['+report', 'country current events report stg_events stg_users users'],
    ['1+report', 'country current report'],
    ['stg_users+', 'current report stg_users'],
    ['stg_users+1', 'current stg_users'],
    ['1+current+1', 'current report stg_events stg_users'],
    ['@stg_events', 'country current events report stg_events stg_users users'],
    ['tag:daily', 'current stg_events'],
    ['tag:land*', 'events users'],
    ['tag:daily,tag:core', 'current'],
    ['tag:core report', 'current report'],
    ['path:models/staging', 'stg_events stg_users'],
    ['models/staging', 'stg_events stg_users'],
    ['path:models/*/stg_e*', 'stg_events'],
    ['current.sql', 'current'],
    ['file:stg_*.sql', 'stg_events stg_users'],
    ['staging', 'stg_events stg_users'],
    ['shop.marts', 'current report'],
    ['marts.*', 'current report'],
    ['stg_*', 'stg_events stg_users'],
    ['source:raw', 'events users'],
    ['source:raw.users+1', 'stg_users users'],
    ['source:shop.raw.events', 'events'],
    ['config.materialized:incremental', 'current'],
    ['config.materialized:view', 'stg_events stg_users'],
    ['config.meta.owner:ann', 'current'],
    ['config.tags:core', 'current'],
    ['config.incremental_strategy:merge', 'current'],
    ['resource_type:seed', 'country'],
    ['package:shop,tag:core', 'current'],
    ['source:raw.users+,tag:core', 'current'],
  ])('%s', (selector, expected) => {
    expect(built(selector)).toBe(expected);
  });

  it('takes several arguments as a union', () => {
    expect(built(['report', 'tag:core'])).toBe('current report');
  });

  it('leaves out what is excluded, with its tests', () => {
    expect(built('+report', ['source:raw', 'country'])).toBe('current report stg_events stg_users');
    expect(select('current report', ['current'], ['test'])).toBe('no_gaps');
  });

  it('takes everything when nothing is selected, and excludes from that', () => {
    expect(select([], ['tag:daily', 'resource_type:test'], ['model'])).toBe('report stg_users');
  });

  it('brings the tests of what is selected, also those that look at something else besides', () => {
    expect(select('current', [], ['test'])).toBe('relationships_current_id__id__ref_stg_users_ unique_current_id');
    expect(select('stg_users', [], ['test'])).toBe('relationships_current_id__id__ref_stg_users_');
  });

  it.each([
    ['test_type:singular', 'no_gaps'],
    ['test_type:generic,test_name:unique', 'unique_current_id'],
    ['test_name:not_null', 'source_not_null_raw_users_id'],
    ['no_gaps', 'no_gaps'],
  ])('finds tests by themselves: %s', (selector, expected) => {
    expect(select(selector, [], ['test'])).toBe(expected);
  });

  it('says what matches nothing, and fails when nothing is left', () => {
    expect(selectNodes(project, { select: ['report tag:nope'] }).unmatched).toEqual(['tag:nope']);
    expect(() => selectNodes(project, { select: ['+reprt'] })).toThrow(/matches nothing; did you mean "report"\?/);
    expect(() => selectNodes(project, { select: ['report'], exclude: ['report'] })).toThrow(/matches nothing/);
  });

  it('knows its methods', () => {
    expect(() => selectNodes(project, { select: ['tags:daily'] })).toThrow(
      /unknown method "tags"; did you mean "tag"\?/,
    );
  });

  it('reads the text of selectors', () => {
    expect(parseSelector(['2+tag:a,b+3  @c'])).toMatchObject([
      [
        { method: 'tag', value: 'a', parents: 2, children: 0 },
        { method: 'fqn', value: 'b', parents: 0, children: 3 },
      ],
      [{ method: 'fqn', value: 'c', childrensParents: true }],
    ]);
  });
});
