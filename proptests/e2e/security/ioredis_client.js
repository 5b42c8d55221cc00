// What a program with ioredis does: ioredis_client.js PORT OTHER_PORT ID talks to two joined nodes, the first of this id.
'use strict';
const assert = require('node:assert/strict');
const Redis = require('ioredis');

async function main([port, otherPort, id]) {
  const redis = new Redis(Number(port));
  const other = new Redis(Number(otherPort));
  const listener = new Redis(Number(otherPort));

  const heard = [];
  const heardAll = new Promise((resolve) => {
    const note = (...what) => heard.push(what.join(' ')) === 3 && resolve();
    listener.on('message', note);
    listener.on('pmessage', note);
  });
  await listener.subscribe('news');
  await listener.psubscribe('__keyevent@0__:*');

  assert.equal(await redis.set('k', 'v'), 'OK');
  assert.equal(await redis.set('k', 'w', 'NX'), null);
  assert.deepEqual(await redis.getBuffer('k'), Buffer.from('v'));
  assert.equal(await redis.wait(1, 0), 1);
  assert.equal(await other.get('k'), 'v');
  await assert.rejects(other.set('k', 'theirs'), new RegExp(`LEASED ${id} holds this key for \\d+ s`));
  await redis.publish('news', 'hello');
  await redis.del('k');
  await heardAll;
  assert.deepEqual(heard.sort(), ['__keyevent@0__:* __keyevent@0__:del k', '__keyevent@0__:* __keyevent@0__:set k', 'news hello']);

  const pipeline = redis.pipeline();
  for (let i = 0; i < 1000; ++i) pipeline.set(`many:${i}`, i);
  assert.ok((await pipeline.exec()).every(([error, reply]) => error === null && reply === 'OK'));
  assert.deepEqual(await redis.multi().get('many:7').strlen('many:999').exec(), [[null, '7'], [null, 3]]);
  assert.deepEqual(await redis.mget('many:1', 'none'), ['1', null]);

  const keys = new Set();
  for await (const found of redis.scanStream({match: 'many:*', count: 100})) found.forEach((key) => keys.add(key));
  assert.equal(keys.size, 1000);

  const lease = await redis.call('LEASE', 'many:1');
  assert.equal(lease[lease.indexOf('owner') + 1], id);
  await Promise.all([redis, other, listener].map((client) => client.quit()));
  console.log('ok');
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
