{{ flagged_parties('is_alerted and verdict is null') }}
