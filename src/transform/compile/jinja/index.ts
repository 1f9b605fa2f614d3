/**
 * Templates with Jinja's and dbt's meaning: compile once, render many times. README.md says what differs, and why.
 * What is not exported here is used by nobody outside; add it when a host needs it.
 */
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
export type { RenderLimits } from './limits.ts';
export { fail, RenderInterrupt } from './fault.ts';
export { fromPlain, hostFunction, hostObject, toPlain } from './host.ts';
export type { HostBody, HostObject, HostObjectOptions, PlainObject, PlainValue } from './host.ts';
export { FloatValue, ObjectValue, TupleValue } from './values.ts';
export type { CallState, Kwargs, Value } from './values.ts';
export { DictValue, SetValue } from './dict.ts';
export { toText } from './text.ts';
