/** Templates with Jinja's and dbt's meaning: compile once, render many times. See README.md for what differs, and why. */
export { compileTemplate } from './template.ts';
export type { BlockDeclaration, CompiledTemplate, MacroDeclaration, ParameterDeclaration } from './template.ts';
export type { StaticCall } from './compile-unit.ts';
export type { MacroKind } from './ast.ts';
export type { Site, TemplateSource } from './source.ts';
export { callMacro, createMacroRegistry, dispatchFunction, MacroRegistry } from './registry.ts';
export type {
  DispatchFunctionOptions,
  DispatchOptions,
  MacroCall,
  MacroRegistryOptions,
  RegisteredMacro,
} from './registry.ts';
export type { MacroScope, MacroSource, RenderContext } from './render-state.ts';
export { RENDER_LIMITS } from './limits.ts';
export type { RenderLimits } from './limits.ts';
export { fail, RenderInterrupt, TemplateFault } from './fault.ts';
export { fromPlain, HostObject, hostFunction, hostObject, toPlain } from './host.ts';
export type { HostBody, HostObjectOptions, PlainObject, PlainValue } from './host.ts';
export { bindArguments, Bound } from './routines.ts';
export type { Parameters } from './routines.ts';
export {
  FloatValue,
  isCallable,
  IteratorValue,
  NamespaceValue,
  NO_KWARGS,
  ObjectValue,
  TupleValue,
  typeName,
  UndefinedValue,
} from './values.ts';
export type { CallState, Kwargs, Value } from './values.ts';
export { DictValue, SetValue } from './dict.ts';
export { iterate, toList } from './sequences.ts';
export { isTrue } from './truth.ts';
export { repr, toText } from './text.ts';
