/**
 * The three modules of nunjucks 3.2.4 that @types/nunjucks leaves out. Only `nunjucks.ts` imports them, and it gives them
 * their types. They are imported one by one because the package's index also loads its environment and file loaders.
 */
declare module 'nunjucks/src/lexer.js' {
  const lexer: Readonly<Record<string, unknown>>;
  export default lexer;
}
declare module 'nunjucks/src/nodes.js' {
  const nodes: Readonly<Record<string, unknown>>;
  export default nodes;
}
declare module 'nunjucks/src/parser.js' {
  const parser: Readonly<Record<string, unknown>>;
  export default parser;
}
