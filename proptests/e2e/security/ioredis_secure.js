// What a program with ioredis does that logs in over TLS: ioredis_secure.js PORT CA_FILE. The user ada has the keys "app:*".
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const Redis = require('ioredis');

async function main([port, authority]) {
  const tls = {ca: fs.readFileSync(authority), servername: 'localhost'};
  const connect = (more) => new Redis({port: Number(port), tls, enableReadyCheck: false, retryStrategy: null, ...more});
  const redis = connect({username: 'ada', password: 'secret'});
  assert.equal(await redis.set('app:1', 'v'), 'OK');
  assert.equal(await redis.get('app:1'), 'v');
  await assert.rejects(redis.get('other'), /NOPERM/);

  // ioredis goes on without a login that failed, and is refused what follows.
  const wrong = connect({username: 'ada', password: 'guess'});
  wrong.on('error', () => {});
  await assert.rejects(wrong.get('app:1'), /NOAUTH|WRONGPASS|closed/);
  const stranger = connect({});
  await assert.rejects(stranger.get('app:1'), /NOAUTH/);

  // A client that trusts another authority does not go on.
  const careful = connect({tls: {servername: 'localhost'}, username: 'ada', password: 'secret', maxRetriesPerRequest: 0});
  careful.on('error', () => {});
  await assert.rejects(careful.get('app:1'));

  [redis, wrong, stranger, careful].forEach((client) => client.disconnect());
  console.log('ok');
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
