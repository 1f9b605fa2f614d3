/** The nodes of a parsed template: nunjucks' classes where it has one, our own for what only Jinja has. */
import { type NodeClass, type NodeShape, nunjucksNode, ownNode } from './nunjucks.ts';

export type { NodeShape } from './nunjucks.ts';

/** What a literal can hold; `float` marks a float whose value is integral, which JavaScript cannot tell from an integer. */
export type LiteralValue = null | boolean | number | bigint | string;

export interface LiteralNode extends NodeShape {
  readonly typename: 'Literal';
  readonly value: LiteralValue;
}
/** Own: a float literal, `1.0`. */
export interface FloatNode extends NodeShape {
  readonly typename: 'Float';
  readonly value: number;
}
export interface SymbolNode extends NodeShape {
  readonly typename: 'Symbol';
  readonly value: string;
}
export interface ArrayNode extends NodeShape {
  readonly typename: 'Array';
  readonly children: readonly ExpressionNode[];
}
/** Own: `(a, b)`, `a, b`, `(a,)`. */
export interface TupleNode extends NodeShape {
  readonly typename: 'Tuple';
  readonly items: readonly ExpressionNode[];
}
export interface PairNode extends NodeShape {
  readonly typename: 'Pair';
  readonly key: ExpressionNode;
  readonly value: ExpressionNode;
}
export interface DictNode extends NodeShape {
  readonly typename: 'Dict';
  readonly children: readonly PairNode[];
}
/** `target[val]`. */
export interface LookupNode extends NodeShape {
  readonly typename: 'LookupVal';
  readonly target: ExpressionNode;
  readonly val: ExpressionNode;
}
/** Own: `target.name`; nunjucks does not tell it from `target['name']`, Jinja does. */
export interface AttributeNode extends NodeShape {
  readonly typename: 'Attribute';
  readonly target: ExpressionNode;
  readonly name: string;
}
/** Own: `start:stop:step` inside of a subscript. */
export interface SliceNode extends NodeShape {
  readonly typename: 'Slice';
  readonly start: ExpressionNode | null;
  readonly stop: ExpressionNode | null;
  readonly step: ExpressionNode | null;
}
export interface CallNode extends NodeShape {
  readonly typename: 'FunCall';
  readonly name: ExpressionNode;
  readonly args: ArgumentsNode;
}
/** Own: arguments of a call, a filter or a test. */
export interface ArgumentsNode extends NodeShape {
  readonly typename: 'Arguments';
  readonly positional: readonly ExpressionNode[];
  readonly keywords: readonly KeywordNode[];
  /** `*list` and `**dict`. */
  readonly spread: ExpressionNode | null;
  readonly keywordSpread: ExpressionNode | null;
}
export interface KeywordNode {
  readonly name: string;
  readonly value: ExpressionNode;
}
/** Own: a filter; `target` is null for the text of a filter or set block. */
export interface FilterNode extends NodeShape {
  readonly typename: 'FilterCall';
  readonly target: ExpressionNode | null;
  readonly name: string;
  readonly args: ArgumentsNode;
}
/** Own: `target is [not] name(args)`. */
export interface TestNode extends NodeShape {
  readonly typename: 'Test';
  readonly target: ExpressionNode;
  readonly name: string;
  readonly args: ArgumentsNode;
}
export interface InlineIfNode extends NodeShape {
  readonly typename: 'InlineIf';
  readonly cond: ExpressionNode;
  readonly body: ExpressionNode;
  readonly else_: ExpressionNode | null;
}
export type BinaryName = 'Or' | 'And' | 'Add' | 'Sub' | 'Mul' | 'Div' | 'FloorDiv' | 'Mod' | 'Pow';
export interface BinaryNode extends NodeShape {
  readonly typename: BinaryName;
  readonly left: ExpressionNode;
  readonly right: ExpressionNode;
}
/** Own: `a ~ b ~ c`. */
export interface JoinNode extends NodeShape {
  readonly typename: 'Join';
  readonly parts: readonly ExpressionNode[];
}
export interface UnaryNode extends NodeShape {
  readonly typename: 'Not' | 'Neg' | 'Pos';
  readonly target: ExpressionNode;
}
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';
export interface OperandNode extends NodeShape {
  readonly typename: 'CompareOperand';
  readonly expr: ExpressionNode;
  readonly type: CompareOperator;
}
export interface CompareNode extends NodeShape {
  readonly typename: 'Compare';
  readonly expr: ExpressionNode;
  readonly ops: readonly OperandNode[];
}
export type ExpressionNode =
  | LiteralNode
  | FloatNode
  | SymbolNode
  | ArrayNode
  | TupleNode
  | DictNode
  | LookupNode
  | AttributeNode
  | SliceNode
  | CallNode
  | FilterNode
  | TestNode
  | InlineIfNode
  | BinaryNode
  | JoinNode
  | UnaryNode
  | CompareNode;

/** What can stand left of `=`: a name, `namespace.name`, or a tuple of them. */
export type TargetNode = SymbolNode | AttributeNode | TupleNode;

export interface TemplateDataNode extends NodeShape {
  readonly typename: 'TemplateData';
  readonly value: string;
}
export interface OutputNode extends NodeShape {
  readonly typename: 'Output';
  readonly children: readonly (TemplateDataNode | ExpressionNode)[];
}
export interface BodyNode extends NodeShape {
  readonly typename: 'NodeList' | 'Root';
  readonly children: readonly StatementNode[];
}
export interface IfNode extends NodeShape {
  readonly typename: 'If';
  readonly cond: ExpressionNode;
  readonly body: BodyNode;
  readonly else_: BodyNode | IfNode | null;
}
/** Own: Jinja's `for`, with its `if`. */
export interface ForNode extends NodeShape {
  readonly typename: 'ForIn';
  readonly target: TargetNode;
  readonly items: ExpressionNode;
  readonly test: ExpressionNode | null;
  readonly body: BodyNode;
  readonly else_: BodyNode | null;
}
/** Own: `set target = value`. */
export interface SetNode extends NodeShape {
  readonly typename: 'SetValue';
  readonly target: TargetNode;
  readonly value: ExpressionNode;
}
/** Own: `set name | filter … endset`; `filter` is the whole chain, its innermost target null. */
export interface SetBlockNode extends NodeShape {
  readonly typename: 'SetBlock';
  readonly target: TargetNode;
  readonly filter: FilterNode | null;
  readonly body: BodyNode;
}
export interface FilterBlockNode extends NodeShape {
  readonly typename: 'FilterBlock';
  readonly filter: FilterNode;
  readonly body: BodyNode;
}
export interface ParameterNode extends NodeShape {
  readonly name: string;
  readonly default: ExpressionNode | null;
}
export type MacroKind = 'macro' | 'test' | 'materialization';
/** Own: everything that is called later. `caller` is the body of a call block. */
export interface MacroNode extends NodeShape {
  readonly typename: 'MacroBlock';
  readonly kind: MacroKind | 'caller';
  readonly name: string;
  readonly parameters: readonly ParameterNode[];
  readonly body: BodyNode;
}
export interface CallBlockNode extends NodeShape {
  readonly typename: 'CallBlock';
  readonly call: CallNode;
  readonly caller: MacroNode;
}
export interface WithNode extends NodeShape {
  readonly typename: 'With';
  readonly assignments: readonly { readonly target: TargetNode; readonly value: ExpressionNode }[];
  readonly body: BodyNode;
}
export interface DoNode extends NodeShape {
  readonly typename: 'Do';
  readonly value: ExpressionNode;
}
export interface JumpNode extends NodeShape {
  readonly typename: 'Jump';
  readonly kind: 'break' | 'continue';
}
/** Own: `{% snapshot name %}` (parsed) and `{% docs name %}` (`text`, as it stands). */
export interface DeclarationNode extends NodeShape {
  readonly typename: 'Declaration';
  readonly kind: 'snapshot' | 'docs';
  readonly name: string;
  readonly text: string;
  readonly body: BodyNode | null;
}
export type StatementNode =
  | OutputNode
  | IfNode
  | ForNode
  | SetNode
  | SetBlockNode
  | FilterBlockNode
  | MacroNode
  | CallBlockNode
  | WithNode
  | DoNode
  | JumpNode
  | DeclarationNode;

export const Literal = nunjucksNode<LiteralNode, [LiteralValue]>('Literal');
export const SymbolName = nunjucksNode<SymbolNode, [string]>('Symbol');
export const ArrayList = nunjucksNode<ArrayNode, [readonly ExpressionNode[]]>('Array');
export const Dict = nunjucksNode<DictNode, [readonly PairNode[]]>('Dict');
export const Pair = nunjucksNode<PairNode, [ExpressionNode, ExpressionNode]>('Pair');
export const Lookup = nunjucksNode<LookupNode, [ExpressionNode, ExpressionNode]>('LookupVal');
export const Call = nunjucksNode<CallNode, [ExpressionNode, ArgumentsNode]>('FunCall');
export const InlineIf = nunjucksNode<InlineIfNode, [ExpressionNode, ExpressionNode, ExpressionNode | null]>('InlineIf');
export const Compare = nunjucksNode<CompareNode, [ExpressionNode, readonly OperandNode[]]>('Compare');
export const Operand = nunjucksNode<OperandNode, [ExpressionNode, CompareOperator]>('CompareOperand');
export const Not = nunjucksNode<UnaryNode, [ExpressionNode]>('Not');
export const Negative = nunjucksNode<UnaryNode, [ExpressionNode]>('Neg');
export const Positive = nunjucksNode<UnaryNode, [ExpressionNode]>('Pos');
export const Or = nunjucksNode<BinaryNode, [ExpressionNode, ExpressionNode]>('Or');
export const And = nunjucksNode<BinaryNode, [ExpressionNode, ExpressionNode]>('And');

type BinaryClass = NodeClass<BinaryNode, [ExpressionNode, ExpressionNode]>;
export const ARITHMETIC: ReadonlyMap<string, BinaryClass> = new Map(
  Object.entries({ '+': 'Add', '-': 'Sub', '*': 'Mul', '/': 'Div', '//': 'FloorDiv', '%': 'Mod', '**': 'Pow' }).map(
    ([operator, name]) => [operator, nunjucksNode<BinaryNode, [ExpressionNode, ExpressionNode]>(name)],
  ),
);

export const Output = nunjucksNode<OutputNode, [readonly (TemplateDataNode | ExpressionNode)[]]>('Output');
export const If = nunjucksNode<IfNode, [ExpressionNode, BodyNode, BodyNode | IfNode | null]>('If');

export const FloatLiteral = ownNode<FloatNode, [number]>('Float', ['value']);
export const Tuple = ownNode<TupleNode, [readonly ExpressionNode[]]>('Tuple', ['items']);
export const Attribute = ownNode<AttributeNode, [ExpressionNode, string]>('Attribute', ['target', 'name']);
type SlicePart = ExpressionNode | null;
export const Slice = ownNode<SliceNode, [SlicePart, SlicePart, SlicePart]>('Slice', ['start', 'stop', 'step']);
export const Arguments = ownNode<
  ArgumentsNode,
  [readonly ExpressionNode[], readonly KeywordNode[], ExpressionNode | null, ExpressionNode | null]
>('Arguments', ['positional', 'keywords', 'spread', 'keywordSpread']);
export const FilterCall = ownNode<FilterNode, [ExpressionNode | null, string, ArgumentsNode]>('FilterCall', [
  'target',
  'name',
  'args',
]);
export const Test = ownNode<TestNode, [ExpressionNode, string, ArgumentsNode]>('Test', ['target', 'name', 'args']);
export const Join = ownNode<JoinNode, [readonly ExpressionNode[]]>('Join', ['parts']);
export const ForIn = ownNode<ForNode, [TargetNode, ExpressionNode, ExpressionNode | null, BodyNode, BodyNode | null]>(
  'ForIn',
  ['target', 'items', 'test', 'body', 'else_'],
);
export const SetValue = ownNode<SetNode, [TargetNode, ExpressionNode]>('SetValue', ['target', 'value']);
export const SetBlock = ownNode<SetBlockNode, [TargetNode, FilterNode | null, BodyNode]>('SetBlock', [
  'target',
  'filter',
  'body',
]);
export const FilterBlock = ownNode<FilterBlockNode, [FilterNode, BodyNode]>('FilterBlock', ['filter', 'body']);
export const MacroBlock = ownNode<MacroNode, [MacroNode['kind'], string, readonly ParameterNode[], BodyNode]>(
  'MacroBlock',
  ['kind', 'name', 'parameters', 'body'],
);
export const CallBlock = ownNode<CallBlockNode, [CallNode, MacroNode]>('CallBlock', ['call', 'caller']);
export const With = ownNode<WithNode, [WithNode['assignments'], BodyNode]>('With', ['assignments', 'body']);
export const Do = ownNode<DoNode, [ExpressionNode]>('Do', ['value']);
export const Jump = ownNode<JumpNode, [JumpNode['kind']]>('Jump', ['kind']);
export const Declaration = ownNode<DeclarationNode, [DeclarationNode['kind'], string, string, BodyNode | null]>(
  'Declaration',
  ['kind', 'name', 'text', 'body'],
);
