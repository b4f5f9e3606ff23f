// `--name value` arguments over a table of defaults; a default that is a number asks for one.
'use strict';

function options(defaults) {
	const result = { ...defaults };
	const words = process.argv.slice(2);
	while (words.length > 0) {
		const name = words.shift().replace(/^--/, '');
		const value = words.shift();
		const number = typeof defaults[name] === 'number';
		if (!(name in defaults) || value === undefined || (number && !/^-?\d+$/.test(value))) {
			console.error(`unknown option or bad value: --${name} ${value}`);
			process.exit(2);
		}
		result[name] = number ? Number(value) : value;
	}
	return result;
}

module.exports = { options };
