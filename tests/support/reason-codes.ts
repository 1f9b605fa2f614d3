/** The product's reason codes for each kind of fault the oracle names. A dead letter carries one code; the oracle names all that is wrong. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  null_key: ['key_null'],
  empty_key: ['key_null', 'id_missing'],
  invalid_utf8: ['key_invalid', 'utf8_invalid'],
  key_mismatch: ['key_mismatch'],
  unknown_op: ['op_unknown'],
  broken_json: ['json_invalid'],
  too_deep: ['json_too_deep'],
  lone_surrogate: ['surrogate_lone'],
  wrong_type: ['wrong_type', 'event_time_unreadable'],
  missing_field: ['id_missing', 'required_missing', 'event_time_missing'],
  not_allowed: ['value_not_allowed'],
  too_many_decimals: ['too_many_decimals'],
  out_of_range: ['number_out_of_range'],
  impossible_date: ['date_impossible'],
  unreadable_time: ['timestamp_unreadable', 'event_time_unreadable'],
  time_out_of_bounds: ['event_time_out_of_bounds', 'broker_timestamp_out_of_bounds'],
};

/** The codes that are right for a record with these faults. */
export function fittingCodes(reasons: readonly string[]): string[] {
  return reasons.flatMap((reason) => CODES[reason] ?? []);
}
