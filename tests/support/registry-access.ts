/** How this machine reaches the package registry, for npm in otherwise clean surroundings; and npm takes from its cache what it has there. */
export function registryAccess(): Readonly<Record<string, string>> {
  const known = /^(?:https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_(?:file|dir))$/i;
  const found = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && known.test(name) ? [[name, value] as const] : [],
  );
  return { ...Object.fromEntries(found), npm_config_prefer_offline: 'true' };
}
