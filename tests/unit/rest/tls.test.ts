import { createServer } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { endpointOf, failureOf, FakeTime, pagesOf, sourceOf } from './rest-test.ts';

/** For localhost and 127.0.0.1, signed by itself, good for a hundred years; it protects nothing. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYL4egw16hIz8Fg7e
NgU9T/Ox+BsyFogrf/TQ3566i6ahRANCAATNl53hMLvWufMTkdeJxCcGgipt8/LH
DgyVhe7nUF3yof5DP4LGhBabbgrKfinV8sX1KM4yh0JWr9e0lmG0yv+W
-----END PRIVATE KEY-----
`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUTCoz9oMq6DdXvQWuriE0kFZTBpkwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTAyMTgzMFoYDzIxMjYxMDI4
MDIxODMwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATNl53hMLvWufMTkdeJxCcGgipt8/LHDgyVhe7nUF3yof5DP4LGhBab
bgrKfinV8sX1KM4yh0JWr9e0lmG0yv+Wo28wbTAdBgNVHQ4EFgQUQeSzHkhuCNZW
ANBzoJEptiazGsYwHwYDVR0jBBgwFoAUQeSzHkhuCNZWANBzoJEptiazGsYwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAPImZdoVeSUq7+Atot98mIAdcpmWaPkeGWg/eNZzGpwcAiEA
8b2LFWx89oqY0IzowhKDniTKk68omPhefDSAjW9+10I=
-----END CERTIFICATE-----
`;

it('reads over TLS, and does not go on without a certificate that it can trust', async () => {
  const server = createServer({ key, cert }, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"items":[1],"next_cursor":null,"total":1}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const endpoint = endpointOf(`https://localhost:${String(typeof address === 'object' ? address?.port : '')}`);
  const time = new FakeTime();
  expect(await failureOf(sourceOf(endpoint, time))).toMatchObject({
    code: 'rest_failed',
    message: expect.stringContaining('self-signed certificate'),
  });
  expect(time.sleeps).toEqual([]);

  const trusted = getCACertificates();
  setDefaultCACertificates([cert]);
  onTestFinished(() => setDefaultCACertificates(trusted));
  expect((await pagesOf(sourceOf(endpoint)))[0]?.items).toEqual(['1']);
});
