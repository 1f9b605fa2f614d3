-- Every customer of the newest day stands in current_customer: history never knows more than current.
select history.customer_id
from {{ ref('history_customer') }} as history
left join {{ ref('current_customer') }} as current_state on current_state.customer_id = history.customer_id
where history.day = (select max(day) from {{ ref('history_customer') }})
    and current_state.customer_id is null
